"""How corpora lay out sounds and what is said in them, and what the reader makes of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from engines.contract import InputError
from engines.speech.audio.clips import open_clips
from engines.speech.audio.folders import listing, unlabelled
from engines.speech.audio.recordings import Listing, Reading, Recording
from engines.speech.audio.table_columns import Unclear
from tests.tiny_speech import tone

Laid = Callable[..., Path]
WORDS = (
    "a red kite",
    "put the kettle on",
    "three grey geese",
    "the lamp is broken",
    "we walked home",
    "cold rain fell",
)


@pytest.fixture
def laid(tmp_path: Path) -> Laid:
    """A folder with sounds of those names, and texts: name -> content."""

    def make(sounds: list[str], **texts: str) -> Path:
        data = tmp_path / "data"
        for name in sounds:
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            (data / name).write_bytes(b"RIFF")  # a listing looks at no sound
        for name, text in texts.items():
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            (data / name).write_text(text, encoding="utf-8")
        return data

    return make


def found(data: Path, needs: str = "transcription", **how: object) -> Listing:
    return listing(data, data.parent / "work", Reading(needs, **how))  # type: ignore[arg-type]


def said(found: Listing) -> dict[str, str | None]:
    return {recording.name: recording.text for recording in found.recordings}


def parts(found: Listing) -> dict[str, str | None]:
    return {recording.name: recording.split for recording in found.recordings}


def speakers(found: Listing) -> dict[str, str | None]:
    return {recording.name: recording.speaker for recording in found.recordings}


def reasons(found: Listing) -> dict[str, str]:
    return {entry.where: entry.reason for entry in found.skipped}


def value(found: Listing, what: str) -> str:
    return next(guess.value for guess in found.read_as if guess.what == what)


NAMES = [f"{i}.wav" for i in range(6)]


def rows(separator: str = ",", ending: str = ".wav", folder: str = "") -> str:
    return "".join(f"{folder}{i}{ending}{separator}{words}\n" for i, words in enumerate(WORDS))


# --- layouts --------------------------------------------------------------------------------------


def test_librispeech(laid: Laid) -> None:
    below = {part: f"LibriSpeech/{part}/{speaker}/1" for part, speaker in (("train-clean-100", 84), ("test-clean", 61))}
    sounds = [f"{folder}/{folder.split('/')[2]}-1-000{i}.flac" for folder in below.values() for i in range(2)]
    texts = {
        f"{folder}/{folder.split('/')[2]}-1.trans.txt": "".join(
            f"{folder.split('/')[2]}-1-000{i} GO DO YOU HEAR {i}\n" for i in range(2)
        )
        for folder in below.values()
    }
    read = found(laid(sounds, **texts, **{"LibriSpeech/SPEAKERS.TXT": "84 | M | train-clean-100 | 25.04 | Someone\n"}))
    assert value(read, "layout") == "librispeech"
    assert said(read)[sounds[1]] == "GO DO YOU HEAR 1"
    assert speakers(read) == {name: name.split("/")[2] for name in sounds}
    assert parts(read) == {name: "train" if "train" in name else "test" for name in sounds}
    voices = found(laid([]), "speaker", parts="classes")
    assert set(speakers(voices).values()) == {"test-clean", "train-clean-100"}


def test_ljspeech(laid: Laid) -> None:
    """The second text of each line has its numbers written out, and is the one that is spoken."""
    lines = "".join(f"LJ001-000{i}|{w} in 186{i}|{w} in eighteen sixty\n" for i, w in enumerate(WORDS))
    data = laid([f"wavs/LJ001-000{i}.wav" for i in range(6)], **{"metadata.csv": lines})
    read = found(data)
    assert said(read)["wavs/LJ001-0000.wav"] == "a red kite in eighteen sixty"
    assert len(read.recordings) == 6
    assert "metadata.csv: The first line is no header: the columns are called column_1 to column_3." in read.notes
    assert said(found(data, text_column="column_2"))["wavs/LJ001-0005.wav"] == "cold rain fell in 1865"


def test_kaldi(laid: Laid) -> None:
    scp = "ann-1 audio/1.wav\nann-2 /corpus/audio/2.wav\nbob-1 sox audio/3.wav -t wav - |\nbob-2 audio/gone.wav\n"
    text = "ann-1 a red kite\nann-2 put the kettle on\nbob-1 three grey geese\n"
    tables = {"data/wav.scp": scp, "data/text": text, "data/utt2spk": "ann-1 ann\nann-2 ann\nbob-1 bob\n"}
    read = found(laid([f"data/audio/{i}.wav" for i in (1, 2, 3)], **tables))
    assert said(read) == {"data/audio/1.wav": "a red kite", "data/audio/2.wav": "put the kettle on"}
    assert set(speakers(read).values()) == {"ann"}
    assert reasons(read) == {
        "data/wav.scp, line 3": "has a command in place of a file: commands are never run",
        "data/wav.scp, line 4": "names 'audio/gone.wav', which is not there, or there twice",
        "data/audio/3.wav": "is in no wav.scp",
    }
    assert value(read, "layout") == "kaldi"
    more = found(laid([], **{"data/text": text + "cid-1 we walked home\n"}))
    assert reasons(more)["data/text"] == "tells of cid-1, which wav.scp lacks"
    assert set(speakers(found(laid([]), "speaker")).values()) == {"ann"}


def test_parts_of_kaldi_whose_sounds_lie_elsewhere(laid: Laid) -> None:
    lists = {
        f"data/{part}/{name}": f"{part}-1 {line}\n"
        for i, part in enumerate(("train", "dev"))
        for name, line in (("wav.scp", f"wavs/{i}.wav"), ("text", WORDS[i]))
    }
    read = found(laid(["wavs/0.wav", "wavs/1.wav"], **lists))
    assert parts(read) == {"wavs/0.wav": "train", "wavs/1.wav": "validation"}
    assert value(read, "parts") == "parts"


def test_segments_of_kaldi_are_refused(laid: Laid) -> None:
    data = laid(NAMES, **{"wav.scp": "0 0.wav\n", "text": "0-1 a red kite\n", "segments": "0-1 0 0.5 1.0\n"})
    with pytest.raises(InputError, match="segments: it cuts the recordings into utterances, which is not read"):
        found(data)


def test_a_text_file_beside_each_clip(laid: Laid) -> None:
    data = laid(NAMES, **{f"{i}.txt": f"{words}\n" for i, words in enumerate(WORDS[:5])}, **{"README.txt": "mine"})
    read = found(data)
    assert said(read) == {f"{i}.wav": words for i, words in enumerate(WORDS[:5])}
    assert reasons(read) == {"5.wav": "has no text file of its name"}
    read = found(laid([], **{"lost.txt": "nobody says this", "lengths.csv": "clip,seconds\n0.wav,1.5\n"}))
    assert reasons(read) == {
        "5.wav": "has no text file of its name",
        "lost.txt": "has no sound file of its name",
        "lengths.csv": "is left out: it names no sound files and what is said in them",
    }
    assert value(read, "layout") == "text-files"


def test_vctk(laid: Laid) -> None:
    ids = [f"p22{s}/p22{s}_00{i}" for s in (5, 6) for i in (1, 2)]
    sounds = [f"VCTK/wav48/{i}_mic1.flac" for i in ids]
    texts = {f"VCTK/txt/{i}.txt": f"sentence of {i}\n" for i in ids} | {"VCTK/speaker-info.txt": "ID AGE\np225 23\n"}
    read = found(laid(sounds, **texts))
    assert said(read)[sounds[0]] == "sentence of p225/p225_001"
    assert speakers(read) == {name: name.split("/")[2] for name in sounds}
    assert set(speakers(found(laid([]), "speaker")).values()) == {"p225", "p226"}


def test_timit(laid: Laid) -> None:
    names = [f"{part}/DR1/{who}/SA1" for part, who in (("TRAIN", "FCJF0"), ("TRAIN", "MDAB0"), ("TEST", "FAKS0"))]
    texts = {f"{name}.TXT": f"0 46797 She had your suit {i}.\n" for i, name in enumerate(names)}
    read = found(laid([f"{name}.WAV" for name in names], **texts, **{f"{name}.PHN": "0 9 h#\n" for name in names}))
    assert said(read)["TRAIN/DR1/FCJF0/SA1.WAV"] == "She had your suit 0."
    assert parts(read) == {f"{name}.WAV": name.split("/")[0].lower() for name in names}
    assert reasons(read) == {"3 .phn files": "left out: when each sound or word is spoken is not used"}


def test_a_layout_can_be_chosen(laid: Laid) -> None:
    data = laid(NAMES, **{"metadata.csv": "file,text\n" + rows()}, **{f"{i}.txt": "other words" for i in range(6)})
    read = found(data)
    (layout, *_) = read.read_as
    assert (layout.value, layout.alternatives, layout.setting) == ("table", ["text-files"], "layout")
    assert set(said(found(data, layout="text-files")).values()) == {"other words"}
    with pytest.raises(InputError, match="setting layout: data is not laid out as kaldi"):
        found(data, layout="kaldi")


# --- tables ---------------------------------------------------------------------------------------


def test_common_voice_reads_none_of_its_other_tables(laid: Laid) -> None:
    """validated.tsv holds all of them again; other.tsv and invalidated.tsv hold what nobody vouches for."""
    header = "client_id\tpath\tsentence\n"
    one = [f"{header}s{i}\tcv_{i}.mp3\t{words}\n" for i, words in enumerate(WORDS)]
    tables = {
        "train.tsv": one[0],
        "dev.tsv": one[1],
        "test.tsv": one[2],
        "validated.tsv": header + "s\tcv_0.mp3\ta b\n",
    }
    more = {"other.tsv": one[3], "invalidated.tsv": one[4], "clip_durations.tsv": "clip\tduration\ncv_0.mp3\t1500\n"}
    data = laid([f"clips/cv_{i}.mp3" for i in range(6)], **{f"cv/en/{n}": t for n, t in (tables | more).items()})
    read = found(data)
    assert parts(read) == {"clips/cv_0.mp3": "train", "clips/cv_1.mp3": "validation", "clips/cv_2.mp3": "test"}
    assert reasons(read) | {} == {
        "cv/en/validated.tsv": "is left out: the parts are in cv/en/dev.tsv, cv/en/test.tsv and cv/en/train.tsv",
        "cv/en/other.tsv": "is left out: its clips are not validated",
        "cv/en/invalidated.tsv": "is left out: its clips are not validated",
        "cv/en/clip_durations.tsv": "is left out: it names no sound files and what is said in them",
        **{f"clips/cv_{i}.mp3": "is not in cv/en/dev.tsv, cv/en/test.tsv and cv/en/train.tsv" for i in (3, 4, 5)},
    }


@pytest.mark.parametrize("heading", ["Recording,What was said", "wavname;spoken words", "x\ty"])
def test_columns_of_any_heading_are_told_by_their_cells(laid: Laid, heading: str) -> None:
    separator = next(c for c in ",;\t" if c in heading)
    read = found(laid(NAMES, **{"list.csv": f"{heading}\n{rows(separator)}"}))
    assert said(read) == dict(zip(NAMES, WORDS, strict=True))
    assert [value(read, "files"), value(read, "transcripts")] == heading.split(separator)


def test_a_table_without_heading(laid: Laid) -> None:
    """As the lists of Tacotron and VITS: path|text."""
    data = laid([f"wavs/{n}" for n in NAMES], **{"filelist.txt": rows("|", folder="DUMMY/")})
    read = found(data)
    assert list(said(read).values()) == list(WORDS)
    assert value(read, "files") == "column_1"


def test_two_columns_that_may_be_the_text_are_asked(laid: Laid) -> None:
    table = "clip,first try,second try\n" + "".join(f"{i}.wav,{w},two boats go {i}\n" for i, w in enumerate(WORDS))
    data = laid(NAMES, **{"metadata.csv": table})
    with pytest.raises(Unclear) as asked:
        found(data)
    (problem,) = asked.value.problems
    assert (problem.where, problem.choices) == ("setting text_column", ("second try", "first try"))
    assert said(found(data, accept_guesses=True))["0.wav"] == "two boats go 0"
    assert said(found(data, text_column="First Try"))["0.wav"] == "a red kite"
    with pytest.raises(InputError, match=r"setting text_column: metadata\.csv has no column 'third'"):
        found(data, text_column="third")


def test_the_column_of_speakers_is_told_by_its_cells_where_there_is_but_one(laid: Laid) -> None:
    table = "clip,said it\n" + "".join(f"{i}.wav,{'ann' if i % 2 else 'bob'}\n" for i in range(6))
    read = found(laid(NAMES, **{"metadata.csv": table}), "speaker")
    assert set(speakers(read).values()) == {"ann", "bob"}
    other = table.replace("said it", "said it,mood").replace("ann", "ann,glad").replace("bob", "bob,sad")
    data = laid(NAMES, **{"metadata.csv": other})
    with pytest.raises(Unclear, match="the columns 'said it' and 'mood' may each tell who speaks"):
        found(data, "speaker")
    assert set(speakers(found(data, "speaker", speaker_column="mood")).values()) == {"glad", "sad"}


def test_clips_of_one_name_in_different_folders(laid: Laid) -> None:
    sounds = [f"{who}/{i}.wav" for who in ("ann", "bob") for i in range(2)]
    table = "file,text\n/home/me/ann/0.wav,one two\nold/bob/0.wav,three four\n1.wav,five six\n"
    read = found(laid(sounds, **{"metadata.csv": table}))
    assert said(read) == {"ann/0.wav": "one two", "bob/0.wav": "three four"}
    assert reasons(read)["metadata.csv, line 4"] == "names '1.wav', as 2 files are called: ann/1.wav and bob/1.wav"


def test_files_that_were_converted_since(laid: Laid) -> None:
    """Common Voice's tables say .mp3, whatever the clips were made into."""
    read = found(laid(NAMES, **{"metadata.csv": "path,sentence\n" + rows(ending=".mp3")}))
    assert len(read.recordings) == 6
    assert "metadata.csv names 6 files without their ending, or with another one." in read.notes


def test_a_second_table_of_the_same_files_adds_nothing(laid: Laid) -> None:
    data = laid(NAMES, **{"metadata.csv": "file,text\n" + rows(), "copy.csv": "file,text\n0.wav,other words\n"})
    read = found(data)
    assert said(read)["0.wav"] == WORDS[0]
    assert reasons(read) == {"copy.csv": "names 1 file again that metadata.csv names: these rows are left out"}


def test_files_that_no_person_put_there(laid: Laid) -> None:
    hidden = {"._metadata.csv": "\0\5\26\7", "__MACOSX/._0.wav": "x", ".DS_Store": "x"}
    read = found(laid([*NAMES, "._0.wav"], **{"metadata.csv": "file,text\n" + rows()}, **hidden))
    assert (len(read.recordings), read.skipped) == (6, [])


# --- parts ----------------------------------------------------------------------------------------


def test_what_lies_beside_the_parts_is_left_out_and_named(laid: Laid) -> None:
    sounds = ["Training/0.wav", "Training/1.wav", "Test/2.wav", "Noise/3.wav", "4.wav"]
    table = "file,text\n" + "".join(f"{name},{WORDS[i]}\n" for i, name in enumerate(sounds))
    read = found(laid(sounds, **{"metadata.csv": table}))
    assert parts(read) == {"Training/0.wav": "train", "Training/1.wav": "train", "Test/2.wav": "test"}
    told = "lies beside the folders Test and Training, which are the parts"
    assert reasons(read) == {"Noise/3.wav": told, "4.wav": told}
    assert len(found(laid([]), parts="classes").recordings) == 5


def test_parts_in_each_speakers_folder(laid: Laid) -> None:
    sounds = [f"{who}/{part}/{i}.wav" for who in ("ann", "bob") for part in ("train", "test") for i in range(2)]
    read = found(laid(sounds), "speaker")
    assert parts(read)["ann/test/1.wav"] == "test"
    assert speakers(read) == {name: name.split("/")[0] for name in sounds}


def test_speakers_who_are_called_like_parts(laid: Laid) -> None:
    sounds = [f"{who}/{i}.wav" for who in ("Dev", "Val", "Ann") for i in range(2)]
    read = found(laid(sounds), "speaker")
    assert set(speakers(read).values()) == {"Dev", "Val", "Ann"}
    assert set(parts(read).values()) == {None}


def test_a_column_that_says_the_part(laid: Laid) -> None:
    table = "file,text,split\n" + "".join(
        f"{i}.wav,{words},{'Test set' if i > 3 else 'extra' if i == 3 else 'training'}\n"
        for i, words in enumerate(WORDS)
    )
    read = found(laid(NAMES, **{"metadata.csv": table}))
    assert list(parts(read).values()) == ["train", "train", "train", None, "test", "test"]
    told = "is not train, validation or test: they are drawn into these."
    assert f"In metadata.csv, what 1 of the rows are for ('extra') {told}" in read.notes


def test_nothing_to_learn_from(tmp_path: Path) -> None:
    for part in ("val", "test"):
        for i in range(3):
            (tmp_path / "data" / part).mkdir(parents=True, exist_ok=True)
            soundfile.write(tmp_path / "data" / part / f"{part}{i}.wav", tone(1.0, loud=0.1 + 0.1 * i), 16_000)
            (tmp_path / "data" / part / f"{part}{i}.txt").write_text(f"words of {part} {i}")
    with pytest.raises(InputError, match="all 6 clips are for validation and test: there are none to learn from"):
        open_clips(tmp_path / "data", tmp_path / "work", Reading())


# --- new data -------------------------------------------------------------------------------------


def test_new_data_given_as_a_table(laid: Laid) -> None:
    data = laid([*NAMES, "more.wav"], **{"new.csv": "which,also\n0.wav,1.wav\n2.wav,3.wav\ngone.wav,5.wav\n"})

    def read(**how: str) -> tuple[list[Recording], dict[str, str]]:
        recordings, skipped = unlabelled(data / "new.csv", data.parent / "work", Reading(**how))
        return recordings, {entry.where: entry.reason for entry in skipped}

    recordings, skipped = read(file_column="also")
    assert [recording.name for recording in recordings] == ["1.wav", "3.wav", "5.wav"]
    assert [recording.reading for recording in recordings] == [{"column": "also"}] * 3
    recordings, skipped = read()
    assert {recording.column for recording in recordings} == {"which"}
    assert [recording.name for recording in recordings] == ["0.wav", "2.wav"]
    assert skipped == {"new.csv, line 4": "names 'gone.wav', which is not there"}
    with pytest.raises(InputError, match=r"setting file_column: new\.csv has no column 'clip'"):
        read(file_column="clip")
