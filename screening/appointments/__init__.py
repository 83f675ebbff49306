"""Sessions, places and appointments.

Schedule, Slot and Appointment are FHIR resources; hooks read them into `models.appointments`. Every door (pages, a
clinic's software, nightly work) saves an Appointment, and `rules` is the one place that says whether it may be. What a
page or task calls is in `planning` (sessions), `booking` (appointments), `queue` (the waiting list), `days` (the day
list), `offers` (free places for a person), `notes` (what worklists and standings say about a booking).
"""
