"""Experiments as flows: preprocessing as a subflow, a linear baseline, a search by TPE over XGBoost, all in MLflow.

    motet run examples/mlops/main.py -p num_xgb_runs=8

Each trial of the search is a step, so a run that was killed goes on after its last finished trial.
"""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import mlflow
import numpy as np
import xgboost as xgb
from features import AddPair, ConvertToDict, ConvertToString, SelectFeatures
from hyperopt import STATUS_OK, Trials, fmin, hp, tpe
from hyperopt.pyll import scope
from matplotlib.figure import Figure
from sklearn.datasets import load_diabetes
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LinearRegression
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline

from motet import artifact, flow, task

mpl.use("Agg")

TARGET = "target"
CATEGORIES = ["decade_sex"]
NUMBERS = ["bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]
SEED = 42


@task
def load_dataframe(part: str, y_min: float, y_max: float) -> Any:
    """A part of the data, without outliers: "train" is three quarters, "valid" the rest."""
    frame = load_diabetes(as_frame=True, scaled=False).frame
    order = np.random.default_rng(SEED).permutation(len(frame))
    cut = len(frame) * 3 // 4
    frame = frame.iloc[order[:cut] if part == "train" else order[cut:]]
    frame = frame[(frame[TARGET] >= y_min) & (frame[TARGET] <= y_max)]
    artifact.table(part, frame)
    print(f"{part}: {len(frame)} rows")
    return frame


@task
def fit_preprocessor(train: Any) -> Any:
    """The feature engineering, fitted on the training part only."""
    pipeline = make_pipeline(
        AddPair(), SelectFeatures(CATEGORIES + NUMBERS), ConvertToString(CATEGORIES), ConvertToDict(), DictVectorizer()
    )
    return pipeline.fit(train.drop(columns=TARGET))


@task
def create_model_features(preprocessor: Any, train: Any, valid: Any) -> tuple[Any, Any, Any, Any]:
    """Both parts as matrices, with their targets."""
    matrices = [preprocessor.transform(each.drop(columns=TARGET)).toarray() for each in (train, valid)]
    return matrices[0], train[TARGET].to_numpy(), matrices[1], valid[TARGET].to_numpy()


@flow
def preprocess_data(y_min: float, y_max: float) -> tuple[Any, Any, Any, Any]:
    """The features that all experiments share."""
    train, valid = load_dataframe("train", y_min, y_max), load_dataframe("valid", y_min, y_max)
    return create_model_features(fit_preprocessor(train), train, valid)


def log_run(name: str, params: dict[str, Any], rmse: float) -> None:
    """One run in MLflow."""
    with mlflow.start_run(run_name=name):
        mlflow.set_tag("model", name.partition("-")[0])
        mlflow.log_params(params)
        mlflow.log_metric("rmse_valid", rmse)


@task
def linreg_runs(packet: Any) -> float:
    """The baseline: its validation RMSE."""
    x_train, y_train, x_valid, y_valid = packet
    model = LinearRegression().fit(x_train, y_train)
    rmse = float(root_mean_squared_error(y_valid, model.predict(x_valid)))
    log_run("linear", {"features": x_train.shape[1]}, rmse)
    return rmse


@task
def objective(params: dict[str, Any], packet: Any) -> float:
    """One trial: the validation RMSE of a booster with these parameters."""
    x_train, y_train, x_valid, y_valid = packet
    train, valid = xgb.DMatrix(x_train, label=y_train), xgb.DMatrix(x_valid, label=y_valid)
    booster = xgb.train(
        params=params, dtrain=train, num_boost_round=100, evals=[(valid, "validation")],
        early_stopping_rounds=5, verbose_eval=False,
    )  # fmt: skip
    rmse = float(root_mean_squared_error(y_valid, booster.predict(valid)))
    print(f"trial: depth {params['max_depth']}, rate {params['learning_rate']:.3f}: RMSE {rmse:.2f}")
    log_run("xgboost", params, rmse)
    return rmse


@task
def xgboost_runs(num_runs: int, packet: Any) -> list[tuple[dict[str, Any], float]]:
    """The search: parameters and RMSE of each trial. It asks the same when it runs again, so finished trials stand."""
    tried: list[tuple[dict[str, Any], float]] = []

    def run_trial(params: dict[str, Any]) -> dict[str, Any]:
        params["max_depth"] = int(params["max_depth"])
        rmse = objective(params, packet)
        tried.append((params, rmse))
        artifact.metric("rmse", rmse, step=len(tried))
        artifact.progress("trials", 100 * len(tried) / num_runs)
        return {"loss": rmse, "status": STATUS_OK}

    search_space = {
        "max_depth": scope.int(hp.quniform("max_depth", 2, 20, 1)),
        "learning_rate": hp.loguniform("learning_rate", -3, 0),
        "reg_alpha": hp.loguniform("reg_alpha", -5, -1),
        "reg_lambda": hp.loguniform("reg_lambda", -6, -1),
        "min_child_weight": hp.loguniform("min_child_weight", -1, 3),
        "objective": "reg:squarederror",
        "seed": SEED,
    }
    fmin(
        fn=run_trial, space=search_space, algo=tpe.suggest, max_evals=num_runs, trials=Trials(),
        rstate=np.random.default_rng(SEED), show_progressbar=False,
    )  # fmt: skip
    return tried


@task
def report(baseline: float, tried: list[tuple[dict[str, Any], float]]) -> dict[str, float]:
    """A table of all models, best first, and a plot of how the search went."""
    rows = [{"model": "linear", "rmse": baseline}] + [
        {"model": "xgboost", "rmse": rmse, **params} for params, rmse in tried
    ]
    artifact.table("models", sorted(rows, key=lambda row: row["rmse"]), "best first")
    figure = Figure(figsize=(6, 4))
    axes = figure.subplots()
    axes.plot(range(1, len(tried) + 1), [rmse for _, rmse in tried], "o", label="trial")
    axes.plot(range(1, len(tried) + 1), np.minimum.accumulate([rmse for _, rmse in tried]), label="best so far")
    axes.axhline(baseline, linestyle=":", label="linear baseline")
    axes.set(xlabel="trial", ylabel="validation RMSE")
    axes.legend()
    artifact.image("search", figure, "RMSE of each trial")
    return {"linear": round(baseline, 2), "xgboost": round(min(rmse for _, rmse in tried), 2)}


@flow
def main(num_xgb_runs: int = 8, y_min: float = 25, y_max: float = 340) -> dict[str, float]:
    """Set up the experiment, preprocess once, then run one learning algorithm after the other."""
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("diabetes")

    packet = preprocess_data(y_min, y_max)
    baseline = linreg_runs(packet)
    tried = xgboost_runs(num_xgb_runs, packet)
    return report(baseline, tried)


if __name__ == "__main__":
    main()
