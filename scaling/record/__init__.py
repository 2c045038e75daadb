"""What was published: versions, changes, audits, reproduction, editions, the site."""
