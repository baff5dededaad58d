################################################################################
#
# cake-swtpm
#
################################################################################

CAKE_SWTPM_VERSION = 0.10.1
CAKE_SWTPM_SITE = $(call github,stefanberger,swtpm,v$(CAKE_SWTPM_VERSION))
CAKE_SWTPM_LICENSE = BSD-3-Clause
CAKE_SWTPM_LICENSE_FILES = LICENSE
# A tree of git: no configure script in it
CAKE_SWTPM_AUTORECONF = YES
CAKE_SWTPM_DEPENDENCIES = \
	cake-libtpms \
	host-pkgconf \
	json-glib \
	libseccomp \
	libtasn1 \
	openssl
# No FUSE device and no certificates of a maker: cake gives swtpm one socket
CAKE_SWTPM_CONF_OPTS = \
	--disable-tests \
	--with-openssl \
	--with-seccomp \
	--with-tss-user=root \
	--with-tss-group=root \
	--without-cuse \
	--without-gnutls \
	--without-selinux

$(eval $(autotools-package))
