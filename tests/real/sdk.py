"""What conductor-python, the official SDK, sees of a gate and does to it; runs with the Python that has it.

python sdk.py URL KEY SECRET TASK_ID WORKFLOW_ID: reads the task, completes it by its name, reads it again.
"""

import json
import sys

from conductor.client.configuration.configuration import Configuration
from conductor.client.configuration.settings.authentication_settings import AuthenticationSettings
from conductor.client.orkes.orkes_task_client import OrkesTaskClient

url, key, secret, task_id, workflow_id = sys.argv[1:]
keys = AuthenticationSettings(key_id=key, key_secret=secret) if key else None
client = OrkesTaskClient(Configuration(server_api_url=url + "/api", authentication_settings=keys))
before = client.get_task(task_id)
client.update_task_by_ref_name(workflow_id, "gate", "COMPLETED", {"backup": "good"})
after = client.get_task(task_id)
seen = [[task.task_id, task.status, task.reference_task_name, task.workflow_instance_id] for task in (before, after)]
print(json.dumps({"seen": seen, "output": after.output_data, "input": before.input_data}))
