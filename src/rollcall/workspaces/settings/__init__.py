"""What main users set: single sign-on, synchronization, who may enter; what may stand in each field, and where it is kept."""
