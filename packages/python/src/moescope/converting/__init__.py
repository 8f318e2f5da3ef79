"""Arrays of routing that inference servers keep become a CSV that `moescope import --format csv` reads: `moescope convert`."""
