"""An export of a helpdesk's tickets and the mapping of its columns: the backlog of the first day, told in canonical events."""
