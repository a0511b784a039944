"""A workflow of Spell: fetch a text, learn which characters follow one another in it, write some more of it."""

import spell.client

client = spell.client.from_environment()


def over(run):
    """Wait until the run has ended well."""
    print(f"waiting for run {run.id} to complete")
    run.wait_status(*client.runs.FINAL)
    run.refresh()
    if run.status != client.runs.COMPLETE or run.user_exit_code:
        raise OSError(f"failed at run {run.id}")
    return run


text = over(client.runs.new(command="python fetch.py file:///spell/tale.txt input.txt", commit_label="model"))
trained = over(
    client.runs.new(
        command="python train.py --data_dir /data --order 4",
        machine_type="CPU",
        attached_resources={f"runs/{text.id}/input.txt": "/data/input.txt"},
        commit_label="model",
    )
)
loss = [value for _, _, value in trained.metrics("loss")][-1]
print(f"loss on what it has not seen: {loss:.3f}")
sampled = over(
    client.runs.new(
        command="python sample.py --length 300",
        attached_resources={f"runs/{trained.id}/save": "save"},
        commit_label="model",
    )
)
for line in sampled.logs():
    if line.status == client.runs.RUNNING and not line.status_event:
        print(line)
