"""Annotations that say more boxes, larger ones, or others than there are: COCO JSON, Pascal VOC XML, YOLO txt."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from tests.hostile.archives import packed
from tests.hostile.kinds import kind
from tests.hostile.pictures import drawn

BOXES, SIDE, GOOD = "vision.detection", 48, 6
CLASSES = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]


def pictures(rng: Random) -> dict[str, bytes]:
    return {f"{n}.png": drawn(rng, side=SIDE) for n in range(GOOD)}


def coco(rng: Random, *more: dict[str, Any], images: tuple[dict[str, Any], ...] = ()) -> bytes:
    """Good pictures with a box each, and further annotations."""
    shown = [{"id": n, "file_name": f"{n}.png", "width": SIDE, "height": SIDE} for n in range(GOOD)]
    boxes = [{"id": n, "image_id": n, "category_id": 1 + n % 2, "bbox": [4, 4, 20, 20]} for n in range(GOOD)]
    said = {"images": [*shown, *images], "annotations": [*boxes, *more], "categories": CLASSES}
    return packed({**pictures(rng), "annotations.json": json.dumps(said).encode()})


def voc(rng: Random, hostile: str) -> bytes:
    """Good pictures, each with its XML; that of the first is `hostile`."""
    sides = f"<size><width>{SIDE}</width><height>{SIDE}</height></size>"
    box = "<bndbox><xmin>5</xmin><ymin>5</ymin><xmax>24</xmax><ymax>24</ymax></bndbox>"
    good = {
        f"{n}.xml": f"<annotation><filename>{n}.png</filename>{sides}"
        f"<object><name>{('cat', 'dog')[n % 2]}</name>{box}</object></annotation>".encode()
        for n in range(1, GOOD)
    }
    return packed({**pictures(rng), **good, "0.xml": hostile.encode()})


def yolo(rng: Random, hostile: bytes, names: list[str] | None = None) -> bytes:
    """Good pictures, each with its txt; that of the first is `hostile`."""
    good = {f"{n}.txt": f"{n % 2} 0.3 0.3 0.4 0.4\n".encode() for n in range(1, GOOD)}
    listed = "\n".join(names if names is not None else ["cat", "dog"]).encode()
    return packed({**pictures(rng), **good, "0.txt": hostile, "classes.txt": listed})


@kind(".zip", BOXES, whole=True, slow=True, plain="reads")
def coco_of_a_million_boxes(rng: Random) -> bytes:
    return coco(rng, *_many(1_000_000))


@kind(".zip", BOXES, whole=True, plain="reads")
def coco_of_thirty_thousand_boxes_on_one_picture(rng: Random) -> bytes:
    return coco(rng, *_many(rng.randrange(20_000, 30_000)))


def _many(count: int) -> list[dict[str, Any]]:
    return [{"id": GOOD + n, "image_id": 0, "category_id": 1, "bbox": [1, 1, 9, 9]} for n in range(count)]


@kind(".zip", BOXES, whole=True, plain="reads")
def coco_boxes_that_are_no_numbers(rng: Random) -> bytes:
    odd = [float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 10**400, "9", None, True, [1], {}]
    boxes = [[rng.choice(odd) for _ in range(4)] for _ in range(40)]
    return coco(
        rng, *({"id": GOOD + n, "image_id": n % GOOD, "category_id": 1, "bbox": b} for n, b in enumerate(boxes))
    )


@kind(".zip", BOXES, whole=True, plain="reads")
def coco_boxes_of_other_lengths(rng: Random) -> bytes:
    boxes: list[Any] = [[], [1], [1, 2, 3], [1, 2, 3, 4, 5], "1,2,3,4", {"x": 1}, 7, None]
    rng.shuffle(boxes)
    return coco(rng, *({"id": GOOD + n, "image_id": 0, "category_id": 2, "bbox": b} for n, b in enumerate(boxes)))


@kind(".zip", BOXES, whole=True, plain="reads")
def coco_outlines_that_are_none(rng: Random) -> bytes:
    odd: list[Any] = [
        [[1]],
        [[1, 2]],
        [[1, 2, float("nan"), 4, 5, 6]],
        [[0] * 7],
        [],
        {},
        "abc",
        [[1e308] * 8],
        [[[[]]]],
    ]
    odd.append([[rng.uniform(-99, 99) for _ in range(20_000)]])
    return coco(
        rng, *({"id": GOOD + n, "image_id": 0, "category_id": 1, "segmentation": own} for n, own in enumerate(odd))
    )


@kind(".zip", BOXES, whole=True, plain="reads")
def coco_masks_larger_than_any_picture(rng: Random) -> bytes:
    side = rng.randrange(10**8, 10**9)
    odd = [
        {"size": [side, side], "counts": [side * side // 2, side]},
        {"size": [SIDE, SIDE], "counts": [10**18]},
        {"size": [SIDE, SIDE], "counts": "o" * 100_000},
        {"size": [-1, 4], "counts": [1, 2]},
        {"size": "x", "counts": None},
    ]
    return coco(
        rng, *({"id": GOOD + n, "image_id": 0, "category_id": 1, "segmentation": own} for n, own in enumerate(odd))
    )


@kind(".zip", BOXES, whole=True, plain="reads")
def coco_pictures_in_other_peoples_folders(rng: Random) -> bytes:
    names = ("../../../etc/passwd", "/etc/passwd", "C:\\x.png", "0.png/../0.png", "a" * 5_000, "", "\x00.png", None, 7)
    shown = tuple({"id": 100 + n, "file_name": name, "width": 9, "height": 9} for n, name in enumerate(names))
    boxes = [{"id": 900 + n, "image_id": 100 + n, "category_id": 1, "bbox": [1, 1, 5, 5]} for n in range(len(names))]
    return coco(rng, *boxes, images=shown)


@kind(".zip", BOXES, whole=True, plain="reads")
def coco_as_deep_as_a_well(rng: Random) -> bytes:
    deep = rng.randrange(50_000, 100_000)
    return packed({**pictures(rng), "annotations.json": b'{"images":' + b"[" * deep + b"]" * deep + b"}"})


@kind(".zip", BOXES, whole=True, plain="reads")
def coco_ids_that_disagree(rng: Random) -> bytes:
    odd = [
        {"id": 1, "image_id": rng.choice([0, 77, "0", None, 1.5, [0]]), "category_id": c} for c in (1, 99, "1", None)
    ]
    return coco(rng, *(own | {"bbox": [2, 2, 9, 9]} for own in odd))


@kind(".zip", BOXES, whole=True, plain="reads")
def voc_of_entities_within_entities(rng: Random) -> bytes:
    levels = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    name = rng.choice(["cat", "dog"])
    return voc(
        rng, f'<!DOCTYPE a [<!ENTITY e0 "{name}">{levels}]><annotation><object><name>&e9;</name></object></annotation>'
    )


@kind(".zip", BOXES, whole=True, plain="reads")
def voc_of_a_file_on_this_machine(rng: Random) -> bytes:
    path = rng.choice(["/etc/passwd", "/proc/self/environ", "/dev/zero"])
    return voc(
        rng,
        f'<!DOCTYPE a [<!ENTITY e SYSTEM "file://{path}">]><annotation><filename>0.png</filename><object><name>&e;</name>'
        "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>",
    )


@kind(".zip", BOXES, whole=True, plain="reads")
def voc_boxes_that_are_no_numbers(rng: Random) -> bytes:
    odd = ["nan", "inf", "-inf", "1e400", "", "x", "٣", "0x10", "1_0", "9" * 5_000]
    objects = "".join(
        "<object><name>cat</name><bndbox>"
        + "".join(f"<{edge}>{rng.choice(odd)}</{edge}>" for edge in ("xmin", "ymin", "xmax", "ymax"))
        + "</bndbox></object>"
        for _ in range(20)
    )
    return voc(rng, f"<annotation><filename>0.png</filename>{objects}</annotation>")


@kind(".zip", BOXES, whole=True, plain="reads")
def voc_of_ten_thousand_folds(rng: Random) -> bytes:
    deep = rng.randrange(10_000, 20_000)
    return voc(rng, f"<annotation>{'<object>' * deep}{'</object>' * deep}</annotation>")


@kind(".zip", BOXES, whole=True, plain="reads")
def yolo_classes_beyond_the_list(rng: Random) -> bytes:
    numbers = ["7", "-1", "99999999999999999999", "1.5", "nan", "cat", str(rng.randrange(3, 99))]
    return yolo(rng, "\n".join(f"{n} 0.5 0.5 0.2 0.2" for n in numbers).encode())


@kind(".zip", BOXES, whole=True, plain="reads")
def yolo_class_list_that_disagrees(rng: Random) -> bytes:
    names = rng.choice([[], ["cat"], ["cat", "cat"], ["", ""], ["cat", "dog"] + [f"c{n}" for n in range(20_000)]])
    return yolo(rng, b"1 0.5 0.5 0.2 0.2\n", names)


@kind(".zip", BOXES, whole=True, plain="reads")
def yolo_boxes_that_are_no_numbers(rng: Random) -> bytes:
    odd = ["nan", "inf", "-inf", "1e999", "-0.5", "1,5", "٠.٥", ""]
    return yolo(rng, "\n".join(f"0 {' '.join(rng.choice(odd) for _ in range(4))}" for _ in range(30)).encode())


@kind(".zip", BOXES, whole=True, plain="reads")
def yolo_of_one_line_without_end(rng: Random) -> bytes:
    return yolo(rng, b"0 " + b"0.5 " * rng.randrange(200_000, 400_000))


@kind(".zip", BOXES, whole=True, plain="reads")
def yolo_that_is_no_text(rng: Random) -> bytes:
    return yolo(rng, rng.randbytes(20_000))
