"""The commands of ``vitals``, one file each."""
