"""The parts of the simulation: what is reviewed, the scripted model, the stages, the figures and the tables."""
