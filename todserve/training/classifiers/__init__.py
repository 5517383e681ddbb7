"""The small models a checkpoint carries beside its network: domain and intent."""
