"""One folder for each question, named as its command. To add a question:

1. results/records/NAME.py: the class of its result, a `Record`; add it to RESULTS.
2. questions/NAME/run.py: measure, and return that record. worker.py: what its processes do.
3. questions/NAME/command.py: options from options.py, then the run, then outcome.finish.
4. questions/NAME/section.py: a Section of the report, made of the record and nothing else: it
   imports no server and no process. Add it to questions/report/sections.py.
5. NAME in COMMANDS of benchmarks/__main__.py. A question imports no other question.
6. tests/support/results.py: an example of the record, from which the tests of the report are made.
"""
