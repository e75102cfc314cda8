"""Where pictures are: a source is read, item by item; archives and data sets as well."""
