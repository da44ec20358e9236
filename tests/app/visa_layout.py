"""VisA's folders, for tests."""
import shutil


def as_visa(root, part, *others):
    """Moves a class of MVTec's layout into VisA's, with its list. `others`: lines of other classes in the list."""
    rows = ["object,split,label,image,mask", *others]

    def move(path, name):
        target = part / "Data" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
        return target.relative_to(root)

    for kind in sorted(p for p in (part / "test").iterdir() if p.name != "good"):
        for path in sorted(kind.glob("*.png")):
            mask = move(part / "ground_truth" / kind.name / f"{path.stem}_mask.png", f"Masks/Anomaly/{kind.name}{path.name}")
            rows.append(f"{part.name},test,anomaly,{move(path, f'Images/Anomaly/{kind.name}{path.name}')},{mask}")
    for split in ("train", "test"):
        for path in sorted((part / split / "good").glob("*.png")):
            rows.append(f"{part.name},{split},normal,{move(path, f'Images/Normal/{split}{path.name}')},")
    for folder in ("train", "test", "ground_truth"):
        shutil.rmtree(part / folder)
    (root / "split_csv").mkdir()
    (root / "split_csv/1cls.csv").write_text("\n".join(rows) + "\n")
