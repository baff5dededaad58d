################################################################################
#
# cake-libtpms
#
################################################################################

CAKE_LIBTPMS_VERSION = 0.10.2
CAKE_LIBTPMS_SITE = $(call github,stefanberger,libtpms,v$(CAKE_LIBTPMS_VERSION))
CAKE_LIBTPMS_LICENSE = BSD-3-Clause
CAKE_LIBTPMS_LICENSE_FILES = LICENSE
CAKE_LIBTPMS_INSTALL_STAGING = YES
# A tree of git: no configure script in it
CAKE_LIBTPMS_AUTORECONF = YES
CAKE_LIBTPMS_DEPENDENCIES = host-pkgconf openssl
# No TPM 1.2: cake's virtual machines have a TPM 2.0 or none
CAKE_LIBTPMS_CONF_OPTS = --with-openssl --with-tpm2 --without-tpm1

$(eval $(autotools-package))
