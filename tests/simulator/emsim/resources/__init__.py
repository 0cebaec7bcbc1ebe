"""What each resource looks like, in the neutral form of tree.py."""
