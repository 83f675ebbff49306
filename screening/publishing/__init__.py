"""The pathway as FHIR resources, so that a clinic's software sees and does what the pages show and do.

For each person and programme in which anything has happened: an EpisodeOfCare, a CarePlan, and a Task for each step
that the round has waited for. They are derived, so nobody but HealthHub writes the first two; a Task's owner may cancel
it with a coded reason, which closes the step as the page does.
"""
