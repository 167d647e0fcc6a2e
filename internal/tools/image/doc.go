// Image writes an OCI image archive with a static program, for one or several platforms. The image has no base image,
// and one layer that holds only the program.
//
// `make images` calls it. It is not a general builder of images: it runs no commands, and does not access a registry.
// The archive is an OCI layout in a tar, which `ctr images import`, `crane push`, `skopeo copy oci-archive:` and
// `docker load` accept. Equal input gives equal bytes. An image's tag is the beginning of its digest, and so changes
// only with its content.
package main
