"""One file per verb. The command class is the use case."""
