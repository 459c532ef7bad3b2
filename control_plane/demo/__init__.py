"""The sample shop: generated events, drawn products, and a storefront to see it on."""
