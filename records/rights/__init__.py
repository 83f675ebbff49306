"""What the law gives a person over her own record (Law 91/2025, Decree 356/2025): to have a copy, and so on."""
