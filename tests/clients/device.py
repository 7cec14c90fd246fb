"""A device on Paho for Python: publishes at every QoS, answers a command, and says as JSON what it was told.

Arguments: host, port, tcp or websockets, device id, API key, number of messages.
"""
import json
import sys
import threading

import paho.mqtt.client as paho

host, port, transport, device, key, count = sys.argv[1:]
prefix = f"devices/{device}"
granted = threading.Event()
answered = threading.Event()
told = {"errors": []}


def on_message(client, _userdata, message):
    payload = json.loads(message.payload)
    if message.topic == f"{prefix}/errors":
        told["errors"].append(payload["error"])
        return
    told["command"] = payload["name"]
    answer = {"id": payload["id"], "status": "succeeded", "result": {"seen": payload["params"]}}
    client.publish(f"{prefix}/commands/result", json.dumps(answer), qos=1).wait_for_publish(20)
    answered.set()


versions = [paho.CallbackAPIVersion.VERSION1] if hasattr(paho, "CallbackAPIVersion") else []
client = paho.Client(*versions, client_id=device, clean_session=True, transport=transport)
if transport == "websockets":
    client.ws_set_options(path="/mqtt")
client.username_pw_set(device, key)
client.on_message = lambda *of: threading.Thread(target=on_message, args=of, daemon=True).start()
client.on_subscribe = lambda *_: granted.set()
client.connect(host, int(port), keepalive=30)
client.loop_start()
client.subscribe([(f"{prefix}/commands", 1), (f"{prefix}/errors", 1)])
told["granted"] = granted.wait(20)

sent = [
    client.publish(f"{prefix}/telemetry", json.dumps({"ts": 1767225600000 + i, "data": {"n": i}}), qos=1 + i % 2)
    for i in range(int(count))
]
sent.append(client.publish(f"{prefix}/telemetry", "not json", qos=1))
for message in sent:
    message.wait_for_publish(20)
told["acknowledged"] = sum(message.is_published() for message in sent)

print("ready", flush=True)
told["answered"] = answered.wait(20)
client.disconnect()
client.loop_stop()
print(json.dumps(told), flush=True)
