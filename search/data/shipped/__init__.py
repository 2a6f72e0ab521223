"""Tables that come with the package; PROVENANCE.md says from where."""
