"""What can be said of a run once its models and data are loaded, before it trains: a file for each thing that is looked at.

Everything here warns. What makes a run impossible is refused where it is loaded.
"""
