"""tasks.py: what lm-evaluation-harness asks of a model, and what a model answers, written to tasks.json beside this file.

Of five invented items of each data set: the pairs of context and continuation that the package's own task makes of them, and the place of
the right one; and of all subjects of MMLU, how their description calls them. Of some pairs: the tokens that its `_encode_pair` makes with
the tokenizer of ../../examples/tiny. Of the first items of ../../examples/world/facts.jsonl: what ln p NumPy finds for each choice in float64.
`--check` compares with what is recorded instead of writing.
"""
import json, sys
from pathlib import Path

import numpy as np
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from lm_eval.tasks._yaml_loader import load_yaml
from transformers import PreTrainedTokenizerFast

from kl import log_p
from structured import ROOT, load, same

RECORD = Path(__file__).resolve().with_suffix(".json")
SCORED = 12


def labelled(question, texts, key, name="question", labels="ABCDE"):
    return {name: question, "choices": {"text": texts, "label": list(labels[: len(texts)])}, "answerKey": key}


ITEMS = {
    "arc": ("arc_easy", [
        labelled("Which of these keeps a pond from freezing?", ["a warm spring", "a cold wind", "a stone", "snow"], "A"),
        labelled("What does a miller make? ", ["bread", "flour", "cloth"], "B"),
        labelled("A lamp is bright because", ["it is  hot.", "it is red", "it is heavy", "it is old"], "2", labels="1234"),
        labelled("What is 3 °C below zero?", ["−3 °C", "3 °C", "0 °C", "30 °C", "−30 °C"], "A"),
        labelled("Two lines:\nwhich is the longer?", ["the first", "the second"], "B"),
    ]),
    "boolq": ("boolq", [
        {"question": "is the river of gaidra the longest of the land", "passage": "The Gaidra is the longest river of the land.", "idx": 0, "label": 1},
        {"question": "do millers eat soup", "passage": "Soup -- Most millers eat bread. Some eat nuts.", "idx": 1, "label": 0},
        {"question": "can a key open a well", "passage": "A well has no door.\nNo key opens it.", "idx": 2, "label": 0},
        {"question": "is “tan” a name", "passage": "Tan is a name; so is Lul.", "idx": 3, "label": 1},
        {"question": "does it rain in majora ", "passage": " It rains. ", "idx": 4, "label": 1},
    ]),
    "commonsenseqa": ("commonsense_qa", [
        labelled("Where does one keep a lamp?", ["table", "pond", "cloud", "shoe", "soup"], "A"),
        labelled(" What is a bell for? ", ["eating", "ringing", "sleeping", "reading", "swimming"], "B"),
        labelled("Who bakes?", ["a guard", "a doctor", "a baker", "a weaver", "a fish"], "C"),
        labelled("Snow is:", ["warm", "red", "loud", "cold ", "sweet"], "D"),
        labelled("What has no colour?\n", ["glass", "grass", "brass", "a brush", "a “thought”"], "E"),
    ]),
    "hellaswag": ("hellaswag", [
        {"activity_label": "Ringing a bell", "ctx_a": "A woman stands in front of a bell.", "ctx_b": "she", "endings": ["rings it.", " eats it.", "is it.", "[substeps] paints it."], "label": "0"},
        {"activity_label": "Home and Garden", "ctx_a": "[header] How to mend a lamp [title] Take it apart. [step] Use a key.", "ctx_b": "", "endings": ["Keep the parts. [substeps] Count them.", "Eat.  Sleep.", "Go [away] now.", "x"], "label": "1"},
        {"activity_label": "Sailing", "ctx_a": "The boat leaves. ", "ctx_b": "THE MAN", "endings": ["waves.", "sinks   slowly.", "flies", "sings [title] and goes."], "label": 2},
        {"activity_label": "Cooking", "ctx_a": "Soup boils [one [two] three] in a pot.", "ctx_b": "éclair", "endings": ["is added.", "is [a]  [b] eaten.", "ßs", "ends\nhere."], "label": "3"},
        {"activity_label": "Weaving", "ctx_a": "They weave", "ctx_b": "one thread. Two threads", "endings": ["cross.", "part.", "tear.", "[title] knot."], "label": "0"},
    ]),
    "mmlu": ("mmlu_abstract_algebra", [
        {"question": "How many units has the ring of the integers?", "subject": "abstract_algebra", "choices": ["1", "2", "3", "4"], "answer": 1},
        {"question": " A group of order 5 is ", "subject": "abstract_algebra", "choices": ["cyclic", "simple", "both ", "neither"], "answer": 2},
        {"question": "Statement 1 | All fields are rings.\nStatement 2 | All rings are fields.", "subject": "abstract_algebra", "choices": ["True, True", "False, False", "True, False", "False, True"], "answer": 2},
        {"question": "x² = 1 in Z/8 for", "subject": "abstract_algebra", "choices": ["x = 2", "x = 3", "x = 4", "x = 6"], "answer": 1},
        {"question": "The identity is", "subject": "abstract_algebra", "choices": ["unique", "not unique", "0", "none of these"], "answer": 0},
    ]),
    "openbookqa": ("openbookqa", [
        labelled("A stone that is thrown", ["falls", "floats", "melts", "sings"], "A", "question_stem"),
        labelled("The sun is", ["a lamp", "a star", "a bell", "a road"], "B", "question_stem"),
        labelled("What does a plant need? ", ["soup", "a coat", "light", "a key"], " C", "question_stem"),
        labelled("Ice is", ["dry", "loud", "warm", "water"], "D", "question_stem"),
        labelled("Nuts grow on", ["trees", "roads", "boats", "rings"], "A", "question_stem"),
    ]),
    "piqa": ("piqa", [
        {"goal": "How do I dry a coat?", "sol1": "Hang it by the fire.", "sol2": "Hang it in the river.", "label": 0},
        {"goal": "ring", "sol1": "eat it", "sol2": "wear it ", "label": 1},
        {"goal": "To find a lost key, ", "sol1": "look for it", "sol2": " forget it", "label": 0},
        {"goal": "Sell a boat:", "sol1": "sink it first.", "sol2": "mend it first.", "label": 1},
        {"goal": "Warm soup up to 60 °C.", "sol1": "Put it on the stove.", "sol2": "Put it in the snow.", "label": 0},
    ]),
    "siqa": ("social_iqa", [
        {"context": "Meri gave Tan a bell.", "question": "How does Tan feel?", "answerA": "happy", "answerB": "sad", "answerC": "cold", "label": "1"},
        {"context": "Lul lost a coat.", "question": "What will Lul do next?", "answerA": "sing", "answerB": "look for it", "answerC": "swim", "label": "2"},
        {"context": "It rained on Puri. ", "question": "Why does Puri run?", "answerA": "to eat", "answerB": "to sleep", "answerC": "to stay dry", "label": "3"},
        {"context": "Vith baked bread for all", "question": "What is Vith?", "answerA": " kind", "answerB": "wet", "answerC": "late", "label": "1"},
        {"context": "Tran told Sel “no”.", "question": "How would you describe Tran?", "answerA": "red", "answerB": "firm", "answerC": "new", "label": "2"},
    ]),
    "winogrande": ("winogrande", [
        {"sentence": "Lul gave Tan the bell because _ had two.", "option1": "Lul", "option2": "Tan", "answer": "1"},
        {"sentence": "The boat hit the bridge, so the _ sank.", "option1": "boat", "option2": "bridge", "answer": "1"},
        {"sentence": "_ thanked Meri for the soup that she had made.", "option1": "Meri", "option2": "Puri", "answer": "2"},
        {"sentence": "The key was lost and the lamp was broken, which is why it was dark: the _  was out. _ again.", "option1": "key", "option2": "lamp", "answer": "2"},
        {"sentence": "Sel was loud and Zera was not, so they heard only _.", "option1": "Sel", "option2": "Zera", "answer": "1"},
    ]),
}

PAIRS = [
    ("Question: What pet does Zera have?\nAnswer:", " horse"),
    ("Question: What pet does Zera have?\nAnswer: ", "horse"),
    ("Lul gave Tan \n\n", "a bell."),
    ("The road was wet", "ness"),
    ("Snow fell.  ", "  Then Lul met Tan."),
]


class Items(list):
    """What a task needs of a data set."""
    @property
    def features(self):
        return {name: None for name in self[0]}

    column_names = property(lambda self: list(self[0]))

    def map(self, change):
        return Items([{**item, **change(item)} for item in self])


class Offline(ConfigurableTask):
    """A task of the package over items that are given."""
    def __init__(self, config, items):
        self.items = items
        super().__init__(config=config)

    def download(self, *_, **__):
        self.dataset = {split: Items(self.items) for split in ("train", "validation", "test", "dev")}


def configs():
    """Of each of the package's tasks by its name, where it is declared."""
    return {name: entry.yaml_path for name, entry in TaskManager().task_index.items() if entry.yaml_path}


def config_of(path):
    """What a declaration says, with its functions."""
    return {key: value for key, value in load_yaml(path).items() if key not in ("tag", "group", "task_list", "include")}


def requests_of(task):
    """What is asked of each item, as the evaluator would."""
    made = []
    for doc in task.test_docs() if task.has_test_docs() else task.validation_docs():
        ctx = task.fewshot_context(doc, num_fewshot=0)
        instances = task.construct_requests(doc=doc, ctx=ctx, metadata=(None, 0, 1))
        answer = task.doc_to_text(doc) if task.multiple_input else task.doc_to_target(doc)
        if isinstance(answer, str):
            answer = task.doc_to_choice(doc).index(answer)
        made.append({"requests": [list(instance.args) for instance in instances], "answer": int(answer), "characters": [len(choice) for choice in task.doc_to_choice(doc)]})
    return made


class Tokens:
    """What `_encode_pair` needs of a model."""
    backend = "causal"

    def __init__(self, folder):
        self.tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))

    def tok_encode(self, text, add_special_tokens=None):
        return self.tokenizer.encode(text)


def scored(tiny, tokens, item):
    """ln p of each choice, of a query that token 0 precedes."""
    found = []
    for choice in item["choices"]:
        context, continuation = HFLM._encode_pair(tokens, item["query"], choice)
        ids = [0, *context, *continuation]
        p = log_p(tiny, np.array(ids))
        found.append(float(p[np.arange(len(ids) - 1), ids[1:]][-len(continuation):].sum()))
    return found


def main():
    paths = configs()
    tokens = Tokens(ROOT / "examples/tiny")
    tiny = load(ROOT / "examples/tiny")
    items = [json.loads(line) for line in (ROOT / "examples/world/facts.jsonl").read_text().splitlines()[:SCORED]]
    found = {
        "tasks": {name: {"items": made, "asked": requests_of(Offline(config_of(paths[task]), made))} for name, (task, made) in ITEMS.items()},
        "subjects": {task.removeprefix("mmlu_"): load_yaml(path)["description"] for task, path in sorted(paths.items())
                     if path.parent.match("mmlu/default") and "description" in load_yaml(path)},
        "pairs": [[*pair, *HFLM._encode_pair(tokens, *pair)] for pair in PAIRS],
        "log_likelihood": [scored(tiny, tokens, item) for item in items],
    }
    found = json.loads(json.dumps(found))
    if "--check" in sys.argv:
        is_same = same(found, json.loads(RECORD.read_text()))
        print(f"{len(ITEMS)} tasks, {len(found['subjects'])} subjects: {'' if is_same else 'not '}as recorded")
        sys.exit(not is_same)
    RECORD.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
