import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import BertPreTokenizer, PreTokenizer, WhitespaceSplit
from transformers import PreTrainedTokenizerFast

from minillm.errors import BadInput
from minillm.vocabulary import compare_tokenizers, shared_vocabulary

WORDS = ["<pad>", "<s>", "</s>", "<unk>", *"abcdefg:"]


def tokenizer(words: list[str] = WORDS, eos: str = "</s>", pad: str = "<pad>", cut: PreTokenizer | None = None) -> PreTrainedTokenizerFast:
    made = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = cut or WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token=eos, pad_token=pad, unk_token="<unk>")


def test_equal_tokenizers_pass_whatever_their_padding_token():
    compare_tokenizers(tokenizer(), tokenizer(pad="</s>"))


def test_swapped_and_missing_tokens_are_named():
    swapped = [*WORDS[:4], "b", "a", *WORDS[6:-1]]
    with pytest.raises(BadInput) as error:
        compare_tokenizers(tokenizer(), tokenizer(swapped))
    sentence = error.value.sentence
    assert "3 tokens differ" in sentence
    assert "'a' is id 4 in the teacher and id 5 in the student" in sentence
    assert "':' is id 11 in the teacher and missing in the student" in sentence
    assert '"tokenizer": "teacher"' in sentence
    assert error.value.pointer == "/student/model"


def test_many_differing_tokens_are_counted_not_listed():
    with pytest.raises(BadInput, match=r"\(8 tokens differ: ") as error:
        compare_tokenizers(tokenizer(), tokenizer([*WORDS[:4], *reversed(WORDS[4:])]))
    assert error.value.sentence.count("in the teacher and") == 5


def test_different_end_tokens_are_refused():
    with pytest.raises(BadInput, match=r"eos_token is '</s>' in the teacher and '<s>' in the student"):
        compare_tokenizers(tokenizer(), tokenizer(eos="<s>"))


def test_same_tokens_but_another_cut_are_refused():
    with pytest.raises(BadInput, match=r"cut text into tokens differently \(the teacher gives .*'a'.* where the student gives '<unk>'"):
        compare_tokenizers(tokenizer(), tokenizer(cut=BertPreTokenizer()))


@pytest.mark.parametrize(("teacher", "student", "shared"), [(12, 12, 12), (16, 12, 12), (13, 20, 13)])
def test_wider_logits_are_cut(teacher: int, student: int, shared: int):
    assert shared_vocabulary(tokenizer(), teacher, student) == shared


def test_too_few_logits_are_refused():
    with pytest.raises(BadInput) as error:
        shared_vocabulary(tokenizer(), 12, 10)
    assert error.value.pointer == "/student/model"
    assert "The student has logits for 10 token ids" in error.value.sentence
    assert "2 tokens beyond them ('g', ':')" in error.value.sentence
    assert "at least 12" in error.value.sentence
    with pytest.raises(BadInput, match="The teacher has logits for 11 token ids"):
        shared_vocabulary(tokenizer(), 11, 12)
