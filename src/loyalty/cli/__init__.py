"""The command line: the replay of a purchase log. Knows the facade and the adapters; nothing knows it."""
