"""The users whom `manage.py serve_demo` creates, with passwords that everybody knows."""

DEMO, DEMO_PASSWORD = "demo", "demo-password"
STAFF, STAFF_PASSWORD = "staff", "staff-password"
