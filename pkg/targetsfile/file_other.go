//go:build !unix

package targetsfile

const openNonblock = 0
