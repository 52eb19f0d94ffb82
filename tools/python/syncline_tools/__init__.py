"""What the simulators, the demonstration and the test oracles of Syncline share."""
