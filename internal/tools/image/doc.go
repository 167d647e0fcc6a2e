// Image writes an OCI image archive around a static program: no base image, one layer that holds the program and
// nothing else, for one platform or several.
//
// It is what `make images` calls. It is not a builder of general images: it runs no commands, fetches nothing from a
// registry and pushes nothing to one. The archive it writes is an OCI layout in a tar, which `ctr images import`,
// `crane push`, `skopeo copy oci-archive:` and `docker load` take. The same input makes the same bytes, so that an
// image's tag, the beginning of its digest, changes only with its content.
package main
