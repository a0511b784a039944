"""The decorated functions of the beta's second example, with bodies that need no data."""

from motet.orion import SequentialTaskRunner, flow, task

ORDER: list[str] = []


@task
def load_training_dataframe(file_path, y_min=1, y_max=60):
    ORDER.append(f"load {file_path}")
    return [(each, 2 * each + 1) for each in range(100) if y_min <= each <= y_max]


@task
def fit_preprocessor(train_data):
    ORDER.append("fit")
    xs = [x for x, _ in train_data]
    return sum(xs) / len(xs)


@task
def create_model_features(preprocessor, train_data, valid_data):
    ORDER.append("features")
    packet = []
    for rows in (train_data, valid_data):
        packet += [[x - preprocessor for x, _ in rows], [y for _, y in rows]]
    return tuple(packet)


@flow
def preprocess_data(train_data_path, valid_data_path):
    train_data = load_training_dataframe(train_data_path)
    valid_data = load_training_dataframe(valid_data_path)

    preprocessor = fit_preprocessor(train_data)

    return create_model_features(preprocessor, train_data, valid_data).result()


@task
def linreg_runs(training_packet):
    X_train, y_train, _X_valid, _y_valid = training_packet  # noqa: N806
    ORDER.append(f"linreg {type(training_packet).__name__}")
    return sum(x * y for x, y in zip(X_train, y_train, strict=True)) / sum(x * x for x in X_train)


@task
def xgboost_runs(num_runs, training_packet):
    X_train, _y_train, _X_valid, _y_valid = training_packet  # noqa: N806
    for trial in range(num_runs):
        ORDER.append(f"xgboost {trial}")
    return len(X_train)


@flow(task_runner=SequentialTaskRunner())
def main(train_data_path, valid_data_path, num_xgb_runs=1):
    future = preprocess_data(train_data_path, valid_data_path)
    linreg_runs(future)
    xgboost_runs(num_xgb_runs, future)
