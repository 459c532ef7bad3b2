"""The edge bundle: JavaScript modules and their wrangler.jsonc, found through importlib.resources."""
