"""OpenFeature's remote evaluation protocol 0.3, for SDKs of any language. It only reads, and not from the database."""
