"""Networks: three families of four stages, run once per modality and then in common."""
