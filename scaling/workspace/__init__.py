"""A team's own folder of studies: how it begins, and which engine it runs on."""
