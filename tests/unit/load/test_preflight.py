from dataclasses import replace

import pytest

from tests.unit.device.small_device import ISSUER
from tests.unit.load.samples import sample_image
from tests.unit.virtual_device.host import install_params
from toolchain.device.session import Genuine, UnknownIssuer
from toolchain.errors import DeviceError, ImageError
from toolchain.image import Image
from toolchain.load.inventory import DeviceVersion, InstalledApp, Inventory, MemoryInfo
from toolchain.load.preflight import Preflight, preflight, require_compatible
from toolchain.target import get_target, targets
from toolchain.trust import Issuer

MAKER = Genuine(replace(ISSUER, kind="production"))


def app(name: str, blocks: int | None = 16, flags: int = 0x8000) -> InstalledApp:
    return InstalledApp(name, flags, name.encode().ljust(32, b"."), blocks)


def there(*apps: InstalledApp, free: int = 1 << 20, slots: int = 100) -> Inventory:
    return Inventory(apps, MemoryInfo(0, 0, free, len(apps), slots))


def device(os_version: str = "1.1.1", target: str = "nanosp") -> DeviceVersion:
    return DeviceVersion(get_target(target).id, os_version, 0, "1")


def with_libraries(*names: str, called: str = "Sample") -> Image:
    dependencies = tuple(bytes([len(name)]) + name.encode() for name in names)
    return sample_image(2000, tail=install_params(called, dependencies=dependencies))


def test_what_is_there() -> None:
    image = sample_image(1000)
    same = replace(app("Sample"), full_hash=image.digest())
    assert preflight(image, there()) == Preflight(None, None, 1024, 1 << 20, both=True)
    assert preflight(image, there(same)).present == same
    older = app("Sample")
    assert preflight(image, there(older, free=1024 - 512)) == Preflight(None, older, 1024, 1024, both=False)


def test_room_for_both_is_flash_and_a_place() -> None:
    image, older = sample_image(1000), app("Sample")
    assert preflight(image, there(older, free=1024, slots=2)).both
    assert not preflight(image, there(older, free=1023, slots=2)).both
    assert not preflight(image, there(older, free=1024, slots=1)).both


def test_an_app_that_is_there_needs_no_room() -> None:
    image = sample_image(1000)
    same = replace(app("Sample", blocks=1), full_hash=image.digest())
    assert preflight(image, there(same, free=0, slots=1)).present == same
    with pytest.raises(DeviceError, match="flash"):
        preflight(image, there(same, free=0, slots=1), force=True)


def test_a_custom_ca_is_no_app() -> None:
    ca = app("Sample", blocks=0, flags=0x8400)
    assert preflight(sample_image(1000), there(ca)).replaced is None


@pytest.mark.parametrize(
    ("apps", "missing", "advice"),
    [
        ([app("Small", 4), app("Big", 64), app("Bigger", 128)], 1536,
         "delete one of: Bigger (4096 bytes), Big (2048 bytes)"),
        ([app("A", 16), app("B", 32), app("C", 32)], 1536, "delete C (1024 bytes), B (1024 bytes)"),
        ([app("A", 16)], 1536, "the app does not fit this device, even alone"),
        ([], 1536, "the app does not fit this device"),
        ([app("Old", None), app("Older", None)], 1536, "delete one of: Older, Old"),
    ],
    ids=["one is enough", "two are needed", "nothing helps", "empty device", "sizes not told"],
)  # fmt: skip
def test_what_to_delete(apps: list[InstalledApp], missing: int, advice: str) -> None:
    with pytest.raises(DeviceError) as caught:
        preflight(sample_image(2048), there(*apps, free=2048 - missing))
    assert caught.value.hint == advice


def test_places_for_apps() -> None:
    with pytest.raises(DeviceError, match="all 2 places") as caught:
        preflight(sample_image(), there(app("A"), app("B"), slots=2))
    assert caught.value.hint.endswith("A, B")
    assert preflight(sample_image(), there(app("A"), app("Sample"), slots=2)).replaced


def test_libraries() -> None:
    image = with_libraries("Exchange", "Ethereum")
    with pytest.raises(DeviceError, match="needs Ethereum, which") as caught:
        preflight(image, there(app("Exchange")))
    assert caught.value.hint == "load Ethereum first"
    preflight(image, there(app("Exchange"), app("Ethereum")))


def test_the_device_goes_by_the_name_in_the_parameters() -> None:
    with pytest.raises(ImageError, match="'Other'"):
        preflight(with_libraries(called="Other"), there())


def test_parameters_that_we_do_not_understand_are_for_the_device_to_judge() -> None:
    preflight(sample_image(1000, tail=b"\x01\x06Sample"), there())


@pytest.mark.parametrize("target", targets(), ids=lambda target: str(target.name))
def test_a_device_of_the_apps_target(target: object) -> None:
    chosen = next(t for t in targets() if t is target)
    image = sample_image(target_id=chosen.id, target_version=chosen.version, api_level=chosen.api_level)
    require_compatible(
        image, DeviceVersion(chosen.id, "99.0.0", 0, "1"), MAKER if chosen.name != "nanox" else None
    )


@pytest.mark.parametrize(
    ("image", "version", "message"),
    [
        (sample_image(), device(target="nanox"), r"built for Nano S Plus \(33100004\), the device is Nano X"),
        (sample_image(), device("1.1.1"), "takes apps of API level 5, the app has 25"),
        (sample_image(api_level=None), device("9.9"), "needs API level, the app has none"),
        (sample_image(target_id=0x31100004), device(target="nanos"), "has no API level, the app has 25"),
    ],
    ids=["target", "API level", "no level", "a level too much"],
)
def test_incompatible(image: Image, version: DeviceVersion, message: str) -> None:
    with pytest.raises(DeviceError, match=message) as caught:
        require_compatible(image, version)
    assert caught.value.hint


def test_the_level_that_the_os_has() -> None:
    require_compatible(sample_image(api_level=5), device("1.1.1"), MAKER)


def test_sideloading() -> None:
    image = sample_image(target_id=get_target("nanox").id)
    with pytest.raises(DeviceError, match="from its maker only"):
        require_compatible(image, device("2.5.0", "nanox"), MAKER)
    virtual = Genuine(Issuer("virtual device", ISSUER.key, "virtual"))
    for verdict in (virtual, UnknownIssuer(), None):
        require_compatible(image, device("2.5.0", "nanox"), verdict)
