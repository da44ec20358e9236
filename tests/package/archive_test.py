"""scripts/package.sh: what it makes runs in a root that holds the C library, a shell and three small programs.

archive_test.py PROJECT BUILD. Exits with 77 and says why if no such root can be entered here.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT, BUILD = map(Path, sys.argv[1:3])
# glibc's own, which every Debian has.
SYSTEM = re.compile(r"(ld-linux-x86-64|lib(c|m|mvec|dl|pthread|rt|resolv|util))\.so")
# readlink and dirname are what the starter calls; they need the C library alone.
TOOLS = ("/bin/sh", "/usr/bin/readlink", "/usr/bin/dirname")
NOBODY = 65534


def libraries(path):
    listed = subprocess.run(["ldd", path], check=True, capture_output=True, text=True).stdout
    return [Path(found) for found in re.findall(r"(/\S+) \(0x", listed)]


def copy_into(root, path):
    target = root / str(path).lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(os.path.realpath(path), target)


def fill_root(root, program):
    """The C library and the tools, where a Debian has them."""
    needed = {path for tool in TOOLS for path in libraries(tool)} | {path for path in libraries(program) if SYSTEM.match(path.name)}
    for tool in TOOLS:
        for path in libraries(tool):
            assert SYSTEM.match(path.name), f"{tool} needs {path}, which a bare root would have to hold"
    for path in (*needed, *map(Path, TOOLS)):
        copy_into(root, path)
    # Every system has these; a root that nobody mounted them in holds what LibTorch reads of them.
    for path in map(Path, ("/proc/cpuinfo", "/sys/devices/system/cpu/possible", "/sys/devices/system/cpu/present")):
        copy = root / str(path).lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (root / "tmp").mkdir(mode=0o777)
    (root / "tmp").chmod(0o777)
    (root / "dev").mkdir()
    (root / "dev/null").touch()
    (root / "dev/null").chmod(0o666)


def entering(root):
    """How a program is started in a root: as nobody if we are root, else in a user namespace of our own."""
    for way in (["chroot", f"--userspec={NOBODY}:{NOBODY}", root], ["unshare", "--map-root-user", "chroot", root]):
        try:
            if subprocess.run([*way, "/bin/sh", "-c", "exit 7"], capture_output=True).returncode == 7:
                return way
        except OSError:
            pass
    print("skipped: neither chroot nor a user namespace is allowed here")
    sys.exit(77)


def main():
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        work.chmod(0o755)
        root = work / "root"
        fill_root(root, BUILD / "res2clip")
        way = entering(root)
        print("entered by", *way)
        folder = root / "opt/anywhere/res2clip"
        folder.parent.mkdir(parents=True)
        subprocess.run([PROJECT / "scripts/package.sh", "--build", BUILD, "--folder", folder], check=True)
        builder = str(Path.home()).encode()
        for path in (folder / "bin/res2clip", folder / "lib/res2clip/res2clip"):
            dynamic = subprocess.run(["readelf", "-d", path], capture_output=True).stdout if path.parent.name != "bin" else path.read_bytes()
            assert builder not in dynamic and str(PROJECT).encode() not in dynamic, f"{path} names a folder of the builder's"

        def inside(*arguments):
            command = [*way, "/opt/anywhere/res2clip/bin/res2clip", *arguments]
            result = subprocess.run(command, capture_output=True, text=True, env={"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
            assert result.returncode == 0, f"{arguments}\n{result.stdout}{result.stderr}"
            return result.stdout

        version = subprocess.run([BUILD / "res2clip", "--version"], check=True, capture_output=True, text=True).stdout
        assert inside("--version") == version
        inside("demo-data", "--output", "/tmp/data", "--classes", "mesh", "--train", "4", "--good", "1", "--defective", "1", "--size", "64", "-q")
        inside("export", "--weights", "/opt/anywhere/res2clip/share/res2clip/demo-clip.safetensors", "--output", "/tmp/clip.pt",
               "--image-size", "64")
        inside("bank", "--backbone", "/tmp/clip.pt", "--reference", "/tmp/data/mesh/train/good", "--output", "/tmp/mesh.bank", "-q")
        lines = inside("infer", "--backbone", "/tmp/clip.pt", "--bank", "/tmp/mesh.bank", "--csv", "-q", "--output", "/tmp/maps",
                       "/tmp/data/mesh/test/good").splitlines()
        assert len(lines) == 2 and lines[1].startswith("/tmp/data/mesh/test/good/"), lines
        if way[0] == "chroot":
            assert (root / "tmp/clip.pt").stat().st_uid == NOBODY
        # Moved, it runs too.
        folder.rename(root / "opt/moved")
        result = subprocess.run([*way, "/opt/moved/bin/res2clip", "--version"], capture_output=True, text=True)
        assert result.stdout == version, result.stderr
        licences = {path.name for path in (root / "opt/moved/share/doc/res2clip").iterdir()}
        assert "LICENSE" in licences and any("torch" in name for name in licences) and any("opencv" in name for name in licences), licences
        print("runs")


main()
