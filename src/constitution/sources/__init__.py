"""Reading what people write: constitutions and prompts."""
