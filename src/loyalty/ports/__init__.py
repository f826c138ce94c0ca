"""What the outside must bring. Protocols, each method a contract."""
