"""The parts that touch the outside world: storages and what a host plugs in."""
