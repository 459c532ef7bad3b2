"""The edge bundle: JavaScript modules and their wrangler.jsonc, as package data."""
