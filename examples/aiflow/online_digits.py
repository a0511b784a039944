"""Online learning: digits come in, and the model that reads them gets better while it is used.

collect   goes on for ever: takes in some more images, and says so: `batch_ready`
train     starts at `batch_ready`: fits a model to all images that there are
validate  starts after `train`: a model that is better than the best so far is told of: `model_better`
deploy    starts at `model_better`: puts the model into use, and says so: `model_deployed`
read      goes on for ever: reads unseen digits with whatever model is deployed
"""

import os
import shutil
import time

import numpy as np
from ai_flow.model.action import TaskAction
from ai_flow.model.workflow import Workflow
from ai_flow.notification.notification_client import AIFlowNotificationClient, ListenerProcessor
from ai_flow.operators.python import PythonOperator
from joblib import dump, load
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

SERVER = "localhost:50052"
WORK = os.path.join(os.path.dirname(__file__), "tmp")
PAUSE_S = 1.0
BATCH = 40


def digits(part):
    """Images and what they show: "train" (1,000 of them), "validate" or "unseen"."""
    images, shown = load_digits(return_X_y=True)
    order = np.random.RandomState(7).permutation(len(images))
    chosen = {"train": order[:1000], "validate": order[1000:1400], "unseen": order[1400:]}[part]
    return images[chosen] / 16, shown[chosen]


def place(*names):
    """A file of this execution."""
    path = os.path.join(WORK, *names)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def tell(key, value):
    """Publish an event."""
    client = AIFlowNotificationClient(SERVER)
    client.send_event(key=key, value=value)
    client.close()


def collect():
    images, shown = digits("train")
    for size in range(BATCH, len(images) + 1, BATCH):
        np.savez(place("part.npz"), images=images[:size], shown=shown[:size])
        os.replace(place("part.npz"), place("seen.npz"))
        tell("batch_ready", str(size))
        time.sleep(PAUSE_S)
    while True:
        time.sleep(PAUSE_S)


def train():
    with np.load(place("seen.npz")) as seen:
        model = LogisticRegression(max_iter=200).fit(seen["images"], seen["shown"])
        print("trained with", len(seen["shown"]), "images")
    dump(model, place("part.joblib"))
    os.replace(place("part.joblib"), place("trained.joblib"))


def validate():
    model = load(place("trained.joblib"))
    score = model.score(*digits("validate"))
    best = max(os.listdir(place("validated", "")), default="")
    print(f"{score:.4f}; the best so far: {best}")
    if f"{score:.4f}.joblib" > best:
        dump(model, place("validated", f"{score:.4f}.joblib"))
        tell("model_better", f"{score:.4f}")


def deploy():
    newest = max(os.listdir(place("validated", "")))
    shutil.copy(place("validated", newest), place("deployed", newest))
    tell("model_deployed", newest)


class Deployed(ListenerProcessor):
    """Notes which model was deployed last."""

    def __init__(self):
        self.name = None

    def process(self, events):
        self.name = events[-1].value


def read():
    images, shown = digits("unseen")
    deployed, used = Deployed(), None
    client = AIFlowNotificationClient(SERVER)
    client.register_listener(listener_processor=deployed, event_keys=["model_deployed"])
    try:
        while True:
            if used != deployed.name:
                used = deployed.name
                right = load(place("deployed", used)).score(images, shown)
                with open(place("read.txt"), "a") as file:
                    file.write(f"{used}: {right:.3f} of the unseen digits are read right\n")
            time.sleep(PAUSE_S / 10)
    finally:
        client.close()


with Workflow(name="online_digits") as workflow:
    collect_task = PythonOperator(name="collect", python_callable=collect)
    train_task = PythonOperator(name="train", python_callable=train, while_alive="queue")
    validate_task = PythonOperator(name="validate", python_callable=validate)
    deploy_task = PythonOperator(name="deploy", python_callable=deploy)
    read_task = PythonOperator(name="read", python_callable=read)

    train_task.action_on_event_received(action=TaskAction.START, event_key="batch_ready")
    validate_task.start_after(train_task)
    deploy_task.action_on_event_received(action=TaskAction.START, event_key="model_better")
