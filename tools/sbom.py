"""The software bill of materials of a release, in CycloneDX's JSON: what runs beside tablewatch.

Listed are the packages that running it takes and those of its extras, in the versions of
requirements-dev.txt, that is those it was tested with. The file is a function of these and of the
release's time: no clock and no random number is in it.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from . import licences, lock

EXTRAS = ("mysql", "postgres")


def sbom(version: str, epoch: int) -> str:
    """The document for one version of tablewatch, released at ``epoch`` (Unix time)."""
    pins = lock.read()
    always = lock.closure(lock.runtime())
    optional = lock.closure([each for name in EXTRAS for each in lock.optional(name)])
    parts = {
        name: _component(
            ComponentType.LIBRARY,
            name,
            pins[name].version,
            licences.licence(name),
            ComponentScope.REQUIRED if name in always else ComponentScope.OPTIONAL,
        )
        for name in sorted({*always, *optional})
    }
    whole = _component(ComponentType.APPLICATION, lock.NAME, version, "ISC", None)
    bom = Bom(
        components=parts.values(),
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{whole.purl}?time={epoch}"),
        metadata=BomMetaData(component=whole, timestamp=datetime.fromtimestamp(epoch, UTC)),
    )
    bom.metadata.tools.components.add(this_component())
    direct = [*lock.runtime(), *(each for name in EXTRAS for each in lock.optional(name))]
    bom.register_dependency(whole, [parts[canonicalize_name(each.name)] for each in direct])
    for name, needed in (optional | always).items():
        bom.register_dependency(parts[name], [parts[each] for each in needed])
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)


def _component(
    kind: ComponentType, name: str, version: str, licence: str, scope: ComponentScope | None
) -> Component:
    purl = PackageURL("pypi", None, name, version)
    return Component(
        type=kind,
        name=name,
        version=version,
        scope=scope,
        purl=purl,
        bom_ref=str(purl),
        licenses=[LicenseFactory().make_from_string(licence)],
    )
