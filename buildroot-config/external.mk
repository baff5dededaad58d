include $(sort $(wildcard $(BR2_EXTERNAL_CAKE_PATH)/package/*/*.mk))
