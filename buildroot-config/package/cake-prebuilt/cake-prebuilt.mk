################################################################################
#
# cake-prebuilt
#
################################################################################

CAKE_PREBUILT_VERSION = 1
CAKE_PREBUILT_SOURCE =
CAKE_PREBUILT_LICENSE = Apache-2.0
CAKE_PREBUILT_FROM = $(call qstrip,$(BR2_PACKAGE_CAKE_PREBUILT_DIR))
CAKE_PREBUILT_PROGRAMS = $(call qstrip,$(BR2_PACKAGE_CAKE_PREBUILT_PROGRAMS))

define CAKE_PREBUILT_CHECK_FOLDER
	@test -d "$(CAKE_PREBUILT_FROM)" || { \
		echo "cake-prebuilt: BR2_PACKAGE_CAKE_PREBUILT_DIR names no folder: '$(CAKE_PREBUILT_FROM)'"; \
		exit 1; \
	}
endef
CAKE_PREBUILT_PRE_CONFIGURE_HOOKS += CAKE_PREBUILT_CHECK_FOLDER

ifeq ($(BR2_PACKAGE_CAKE_PREBUILT_STATIC),y)
define CAKE_PREBUILT_CHECK_STATIC
	@for program in $(CAKE_PREBUILT_PROGRAMS); do \
		! $(TARGET_READELF) -lW "$(CAKE_PREBUILT_FROM)/$$program" | grep -qw INTERP || { \
			echo "cake-prebuilt: $$program is not static"; \
			exit 1; \
		}; \
	done
endef
CAKE_PREBUILT_PRE_CONFIGURE_HOOKS += CAKE_PREBUILT_CHECK_STATIC
endif

define CAKE_PREBUILT_INSTALL_TARGET_CMDS
	$(foreach program,$(CAKE_PREBUILT_PROGRAMS),\
		$(INSTALL) -D -m 0755 $(CAKE_PREBUILT_FROM)/$(program) $(TARGET_DIR)/usr/bin/$(program)$(sep))
	if [ -d $(CAKE_PREBUILT_FROM)/root ]; then \
		cp -aT $(CAKE_PREBUILT_FROM)/root $(TARGET_DIR); \
	fi
endef

define CAKE_PREBUILT_INSTALL_INIT_SYSTEMD
	if [ -d $(CAKE_PREBUILT_FROM)/system ]; then \
		mkdir -p $(TARGET_DIR)/usr/lib/systemd/system; \
		cp -a $(CAKE_PREBUILT_FROM)/system/. $(TARGET_DIR)/usr/lib/systemd/system/; \
	fi
endef

$(eval $(generic-package))
