"""Drive many flows: the only place where the method meets engines and the store."""
