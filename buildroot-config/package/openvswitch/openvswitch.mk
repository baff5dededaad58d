################################################################################
#
# openvswitch
#
################################################################################

OPENVSWITCH_VERSION = 3.5.4
OPENVSWITCH_SITE = $(call github,openvswitch,ovs,v$(OPENVSWITCH_VERSION))
OPENVSWITCH_LICENSE = Apache-2.0
OPENVSWITCH_LICENSE_FILES = LICENSE
OPENVSWITCH_CPE_ID_VENDOR = openvswitch
# A tree of git: no configure script in it
OPENVSWITCH_AUTORECONF = YES
# Its build writes manual pages and match tables with Python
OPENVSWITCH_DEPENDENCIES = host-pkgconf host-python3 libcap-ng openssl
OPENVSWITCH_CONF_ENV = PYTHON3=$(HOST_DIR)/bin/python3
OPENVSWITCH_CONF_OPTS = \
	--enable-ssl \
	--enable-libcapng \
	--disable-afxdp \
	--with-rundir=/run/openvswitch \
	--with-dbdir=/var/lib/openvswitch \
	--with-logdir=/var/log/openvswitch

# Tools in Python name the build machine's: cake calls none of them
define OPENVSWITCH_REMOVE_PYTHON
	grep -lsI '^#! *$(HOST_DIR)' $(TARGET_DIR)/usr/bin/ov[ns]-* \
		$(TARGET_DIR)/usr/sbin/ov[ns]-* \
		$(TARGET_DIR)/usr/share/openvswitch/scripts/* | xargs -r rm -f
endef
OPENVSWITCH_POST_INSTALL_TARGET_HOOKS += OPENVSWITCH_REMOVE_PYTHON

define OPENVSWITCH_LINUX_CONFIG_FIXUPS
	$(call KCONFIG_ENABLE_OPT,CONFIG_OPENVSWITCH)
endef

define OPENVSWITCH_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(OPENVSWITCH_PKGDIR)/ovsdb-server.service \
		$(TARGET_DIR)/usr/lib/systemd/system/ovsdb-server.service
	$(INSTALL) -D -m 0644 $(OPENVSWITCH_PKGDIR)/ovs-vswitchd.service \
		$(TARGET_DIR)/usr/lib/systemd/system/ovs-vswitchd.service
endef

$(eval $(autotools-package))
