"""Work at a commune station without network: the list that is taken along, and the results that come back."""
