// SPDX-License-Identifier: GPL-2.0
/*
 * Types, instances and their switches in sysfs.
 */
#include <linux/device.h>
#include <linux/log2.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/sysfs.h>

#include "vgpu.h"

static unsigned int vram_mb = 64;
module_param(vram_mb, uint, 0444);
MODULE_PARM_DESC(vram_mb, "MiB of video memory of new devices, a power of two");

struct vgpu_type {
	struct mdev_type type;
	struct vgpu_settings settings;
	const char *description;
};

/* As what there is today: no interrupt; and as what there could be. */
#define COMMON				\
	.max_xres = VGPU_MAX_WIDTH,	\
	.max_yres = VGPU_MAX_HEIGHT,	\
	.vblank_hz = 60,		\
	.edid = 1,			\
	.migration = 1

static struct vgpu_type types[] = {
	{
		.type.sysfs_name = "dmabuf",
		.type.pretty_name = "dma-buf",
		.description = "planes in dma-bufs",
		.settings = { COMMON, .dmabuf = 1 },
	}, {
		.type.sysfs_name = "region",
		.type.pretty_name = "region",
		.description = "the primary plane in a region",
		.settings = { COMMON, .region = 1 },
	}, {
		.type.sysfs_name = "metadata",
		.type.pretty_name = "metadata region",
		.description = "a region with a metadata page, interrupt",
		.settings = { COMMON, .metadata = 1, .irq = 1 },
	}, {
		.type.sysfs_name = "all",
		.type.pretty_name = "everything",
		.description = "dma-bufs, overlays, regions, interrupt",
		.settings = {
			COMMON, .dmabuf = 1, .region = 1, .metadata = 1,
			.overlays = 1, .irq = 1,
		},
	},
};

static struct mdev_type *mdev_types[ARRAY_SIZE(types)];
static struct mdev_parent parent;
static struct device *parent_device;

/* Switches */

struct setting {
	struct device_attribute attribute;
	size_t offset;
	u32 min;
	u32 max;
	bool power_of_2;
};

static u32 *setting_value(struct device *dev, const struct setting *setting)
{
	struct vgpu *vgpu = dev_get_drvdata(dev);

	return (u32 *)((u8 *)&vgpu->settings + setting->offset);
}

static ssize_t show_setting(struct device *dev,
			    struct device_attribute *attribute, char *buf)
{
	struct setting *setting = container_of(attribute, struct setting,
					       attribute);

	return sysfs_emit(buf, "%u\n", *setting_value(dev, setting));
}

static ssize_t store_setting(struct device *dev,
			     struct device_attribute *attribute,
			     const char *buf, size_t len)
{
	struct setting *setting = container_of(attribute, struct setting,
					       attribute);
	struct vgpu *vgpu = dev_get_drvdata(dev);
	u32 val;
	int ret = kstrtou32(buf, 0, &val);

	if (ret)
		return ret;
	if (val < setting->min || val > setting->max ||
	    (setting->power_of_2 && !is_power_of_2(val)))
		return -EINVAL;
	guard(mutex)(&vgpu->lock);
	if (vgpu->open)
		return -EBUSY;
	*setting_value(dev, setting) = val;
	return len;
}

#define SETTING(name, lowest, highest, power)				\
	static struct setting setting_##name = {			\
		.attribute = __ATTR(name, 0644, show_setting,		\
				    store_setting),			\
		.offset = offsetof(struct vgpu_settings, name),		\
		.min = lowest,						\
		.max = highest,						\
		.power_of_2 = power,					\
	}

SETTING(vram_mb, 1, 1024, true);
SETTING(max_xres, 64, VGPU_MAX_WIDTH, false);
SETTING(max_yres, 64, VGPU_MAX_HEIGHT, false);
SETTING(vblank_hz, 0, 1000, false);
SETTING(dmabuf, 0, 1, false);
SETTING(region, 0, 1, false);
SETTING(metadata, 0, 1, false);
SETTING(overlays, 0, 1, false);
SETTING(irq, 0, 1, false);
SETTING(edid, 0, 1, false);
SETTING(migration, 0, 1, false);

static struct attribute *setting_attributes[] = {
	&setting_vram_mb.attribute.attr,
	&setting_max_xres.attribute.attr,
	&setting_max_yres.attribute.attr,
	&setting_vblank_hz.attribute.attr,
	&setting_dmabuf.attribute.attr,
	&setting_region.attribute.attr,
	&setting_metadata.attribute.attr,
	&setting_overlays.attribute.attr,
	&setting_irq.attribute.attr,
	&setting_edid.attribute.attr,
	&setting_migration.attribute.attr,
	NULL,
};

static const struct attribute_group setting_group = {
	.name = VGPU_NAME,
	.attrs = setting_attributes,
};

static const struct attribute_group *instance_groups[] = {
	&setting_group,
	NULL,
};

/* Instances */

static int probe(struct mdev_device *mdev)
{
	struct vgpu_type *type = container_of(mdev->type, struct vgpu_type,
					      type);
	struct vgpu *vgpu;
	int ret;

	vgpu = vfio_alloc_device(vgpu, vdev, &mdev->dev, &vgpu_vfio_ops);
	if (IS_ERR(vgpu))
		return PTR_ERR(vgpu);
	vgpu->settings = type->settings;
	vgpu->settings.vram_mb = vram_mb;
	dev_set_drvdata(&mdev->dev, vgpu);
	ret = vfio_register_emulated_iommu_dev(&vgpu->vdev);
	if (ret) {
		vfio_put_device(&vgpu->vdev);
		return ret;
	}
	vgpu_debugfs_add(vgpu);
	return 0;
}

static void remove(struct mdev_device *mdev)
{
	struct vgpu *vgpu = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&vgpu->vdev);
	vgpu_debugfs_remove(vgpu);
	vfio_put_device(&vgpu->vdev);
}

static ssize_t show_description(struct mdev_type *mdev_type, char *buf)
{
	struct vgpu_type *type = container_of(mdev_type, struct vgpu_type,
					      type);

	return sysfs_emit(buf, "%s, up to %ux%u\n", type->description,
			  VGPU_MAX_WIDTH, VGPU_MAX_HEIGHT);
}

static struct mdev_driver vgpu_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.max_instances = 64,
	.driver = {
		.name = VGPU_NAME,
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
		.dev_groups = instance_groups,
	},
	.probe = probe,
	.remove = remove,
	.show_description = show_description,
};

module_param_named(count, vgpu_driver.max_instances, uint, 0444);
MODULE_PARM_DESC(count, "how many devices there can be");

/* The parent, whose class gives the types the first part of their names */

static const struct class parent_class = {
	.name = VGPU_NAME,
};

static int register_parent(void)
{
	int i, ret;

	parent_device = device_create(&parent_class, NULL, MKDEV(0, 0), NULL,
				      VGPU_NAME);
	if (IS_ERR(parent_device))
		return PTR_ERR(parent_device);
	for (i = 0; i < ARRAY_SIZE(types); i++)
		mdev_types[i] = &types[i].type;
	ret = mdev_register_parent(&parent, parent_device, &vgpu_driver,
				   mdev_types, ARRAY_SIZE(mdev_types));
	if (ret)
		device_unregister(parent_device);
	return ret;
}

static int __init vgpu_init(void)
{
	int ret;

	if (!is_power_of_2(vram_mb) || vram_mb > 1024)
		return -EINVAL;
	ret = class_register(&parent_class);
	if (ret)
		return ret;
	vgpu_debugfs_init();
	ret = mdev_register_driver(&vgpu_driver);
	if (ret)
		goto no_driver;
	ret = register_parent();
	if (!ret)
		return 0;

	mdev_unregister_driver(&vgpu_driver);
no_driver:
	vgpu_debugfs_exit();
	class_unregister(&parent_class);
	return ret;
}

static void __exit vgpu_exit(void)
{
	mdev_unregister_parent(&parent);
	device_unregister(parent_device);
	mdev_unregister_driver(&vgpu_driver);
	vgpu_debugfs_exit();
	class_unregister(&parent_class);
}

module_init(vgpu_init)
module_exit(vgpu_exit)

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Mediated virtual GPU without hardware");
MODULE_IMPORT_NS(DMA_BUF);
