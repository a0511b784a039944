"""Another measure, by somebody else, in a repository of its own."""

from metrics.files import load, save


def f1_score(predictions, labels):
    found, known = load(predictions)["predictions"], load(labels)["labels"]
    pairs = list(zip(found, known[-len(found) :], strict=True))
    both = sum(a and b for a, b in pairs)
    either = sum(a != b for a, b in pairs)
    save("f1", f1=[2 * both / (2 * both + either)])
