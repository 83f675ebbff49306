"""Who is due, who calls her, and whether anybody is missing: call and recall over the whole city."""
